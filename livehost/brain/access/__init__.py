"""Who may do what: the users file, logins, sessions and the delay after wrong passwords."""
