"""Who works when, where and for whom."""
