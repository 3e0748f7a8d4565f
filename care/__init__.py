"""What we do about it: which care is proposed, allowed, drawn into an arm, sent and measured.

The domain needs numpy and the standard library alone; what it knows of customers comes to it as
arrays, from whoever runs it.
"""
