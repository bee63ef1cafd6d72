"""The kinds of triggers that the hosts here play, by the names that bindings give them."""

EVENT_GRID, QUEUE, TIMER, HTTP = "eventGridTrigger", "queueTrigger", "timerTrigger", "httpTrigger"
