module github.com/exoauth/exoauth/tokencache/sqlcache

go 1.26.0

require (
	github.com/exoauth/exoauth v0.0.0
	github.com/jackc/pgx/v5 v5.13.0
	modernc.org/sqlite v1.62.0
)

replace github.com/exoauth/exoauth => ../..
