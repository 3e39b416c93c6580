"""Coverage: hours that qualified people can really give, against hours that customers will need."""
