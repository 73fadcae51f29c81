package exchangetest

import (
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/mailserver"
)

// What the servers say, written out here rather than taken from what is tested.
const (
	capsBefore = "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+"
	badCommand = "BAD Command Error. 12"
	badState   = "BAD Command received in Invalid state."

	popAuthFailed  = "-ERR Authentication failure: unknown user name or bad password."
	popLogonFailed = "-ERR Logon failure: unknown user name or bad password."
	popOneLine     = "-ERR Protocol error. Connection is closed. 10"
	popUnknown     = "-ERR Protocol error. 19"
	popState       = "-ERR Command is not valid in this state."

	authBasic   = "535 5.7.139 Authentication unsuccessful, basic authentication is disabled."
	hveInvalid  = "501 5.5.124 Invalid XOAUTH2 auth data"
	hveExpiring = "501 5.5.127 Invalid XOAUTH2 auth data - Token will expire soon error"

	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	consumersID   = "9188040d-6c67-4c5b-b112-36a304b66dad"
	defaultRole   = "00000000-0000-0000-0000-000000000000"
	smtpRole      = "Application SMTP.SendAsApp"
	ssoCookie     = "ESTSAUTHPERSISTENT"
)

// Limits and lifetimes.
const (
	maxLine           = mailserver.MaxLine
	maxForm           = 1 << 20
	maxSending        = 3
	hveLeast          = 10 * time.Minute
	managedLifetime   = 24 * time.Hour
	refreshInactivity = 90 * 24 * time.Hour
	refreshSPA        = 24 * time.Hour
	codeLifetime      = 10 * time.Minute
	deviceLifetime    = 15 * time.Minute
	loopPause         = 2 * time.Minute
	appPause          = time.Minute
)
