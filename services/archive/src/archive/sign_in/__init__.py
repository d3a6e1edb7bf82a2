"""Sign-in with the municipality's own accounts: OpenID Connect with a code and PKCE, sessions kept by us."""
