// Placeholder so that the room links before its first source lands.
