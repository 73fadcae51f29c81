package sqlcache
