import holdfast  # noqa: F401 - first: it sets what libraries read when they load
