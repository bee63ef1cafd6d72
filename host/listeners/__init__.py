"""What starts a function, a file for each kind of trigger; each plays the real host's listener of that kind."""
