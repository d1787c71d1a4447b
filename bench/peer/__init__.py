"""The peer that users have today: dj-stripe's own webhook view in a project of its own."""
