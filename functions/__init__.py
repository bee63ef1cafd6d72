"""The platform's door: thin blueprints, a story each. A trigger unwraps its binding and calls the story."""
