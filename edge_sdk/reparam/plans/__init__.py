"""Which branches are merged, in which groups, and what each is worth."""
