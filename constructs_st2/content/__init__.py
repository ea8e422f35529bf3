"""What makes an empty StackStorm the user's: packs, their configuration, roles, and the datastore's items."""
