"""CardConnect's readers: our server drives them, and what they take is paid at the gateway.

Source for all of it: the CardPointe Integrated Terminal API, and its guide to integrations.
"""
