"""From frame to closure: scenes, sightings, cases, dispatch and their storage."""
