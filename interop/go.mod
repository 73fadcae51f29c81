module github.com/exoauth/exoauth/interop

go 1.26.0

require github.com/exoauth/exoauth v0.0.0

require (
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/oauth2 v0.37.0 // indirect
	software.sslmate.com/src/go-pkcs12 v0.7.4 // indirect
)

replace github.com/exoauth/exoauth => ..
