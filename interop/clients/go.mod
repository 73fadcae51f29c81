module github.com/exoauth/exoauth/interop/clients

go 1.26.0

replace github.com/exoauth/exoauth => ../..

require (
	github.com/emersion/go-imap v1.2.1
	github.com/exoauth/exoauth v0.0.0-00010101000000-000000000000
	github.com/knadh/go-pop3 v1.0.1
	golang.org/x/oauth2 v0.37.0
	gopkg.in/mail.v2 v2.3.1
)

require (
	github.com/emersion/go-imap/v2 v2.0.0-beta.8 // indirect
	github.com/emersion/go-message v0.18.2 // indirect
	github.com/emersion/go-sasl v0.0.0-20241020182733-b788ff22d5a6 // indirect
	github.com/emersion/go-smtp v0.25.1 // indirect
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	golang.org/x/text v0.43.0 // indirect
	gopkg.in/alexcesaro/quotedprintable.v3 v3.0.0-20150716171945-2caba252f4dc // indirect
)
