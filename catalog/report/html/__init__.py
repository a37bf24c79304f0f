"""A diff as one page of HTML that needs nothing else: to be sent, opened offline, printed."""
