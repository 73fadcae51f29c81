package exoauth

import "strings"

// A Cloud names the servers of one Microsoft cloud: where Entra ID issues
// tokens, which resource the tokens are for, and where Exchange Online serves
// mail. A Cloud is a plain value: copy it, compare it, or change a field to use
// a server of your own.
type Cloud struct {
	// Authority is the base URL of Entra ID without a tenant and without a
	// final slash, for example "https://login.microsoftonline.com".
	Authority string

	// Resource identifies Exchange Online in app-only token requests
	// (client credentials, managed identity), for example
	// "https://outlook.office365.com".
	Resource string

	// UserResource identifies Exchange Online in delegated token requests,
	// those for a signed-in user. It differs from Resource in the global cloud,
	// since consumer accounts (outlook.com) accept only this one.
	UserResource string

	// IMAP and POP are the host:port of the servers with implicit TLS. SMTP is
	// the host:port of the submission server, which requires STARTTLS.
	IMAP, POP, SMTP string
}

// Microsoft's clouds, with the hosts and resources published at
// https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth
// and
// https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud.
// Do not modify them: assign one to a variable and change the copy.
var (
	// Global is the worldwide cloud, GCC (moderate) and outlook.com included.
	Global = Cloud{
		Authority:    "https://login.microsoftonline.com",
		Resource:     "https://outlook.office365.com",
		UserResource: "https://outlook.office.com",
		IMAP:         "outlook.office365.com:993",
		POP:          "outlook.office365.com:995",
		SMTP:         "smtp.office365.com:587",
	}

	// GCCHigh is the US Government Community Cloud High.
	GCCHigh = Cloud{
		Authority:    "https://login.microsoftonline.us",
		Resource:     "https://outlook.office365.us",
		UserResource: "https://outlook.office365.us",
		IMAP:         "outlook.office365.us:993",
		POP:          "outlook.office365.us:995",
		SMTP:         "smtp.office365.us:587",
	}

	// DoD is the cloud of the US Department of Defense. Public sources disagree
	// on its resource. If Exchange refuses the token, set Resource and
	// UserResource to "https://outlook.office365.us".
	DoD = Cloud{
		Authority:    "https://login.microsoftonline.us",
		Resource:     "https://outlook-dod.office365.us",
		UserResource: "https://outlook-dod.office365.us",
		IMAP:         "outlook-dod.office365.us:993",
		POP:          "outlook-dod.office365.us:995",
		SMTP:         "outlook-dod.office365.us:587",
	}

	// China is the cloud in China, which 21Vianet operates.
	China = Cloud{
		Authority:    "https://login.partner.microsoftonline.cn",
		Resource:     "https://partner.outlook.cn",
		UserResource: "https://partner.outlook.cn",
		IMAP:         "partner.outlook.cn:993",
		POP:          "partner.outlook.cn:995",
		SMTP:         "smtp.partner.outlook.cn:587",
	}
)

// Two services of the global cloud only send mail, by the same protocol. No
// source tells of them in other clouds. They are not among [Clouds].
var (
	// HighVolumeEmail sends to recipients inside of the organization. The
	// application needs the permission Mail.Send of Office 365 Exchange Online, and
	// Add-HVEAppAccess for the account, whose address is the user name. A token must
	// be valid for ten more minutes, which package smtpdial and xoauth2.SMTPAuth see
	// to.
	// https://learn.microsoft.com/exchange/mail-flow-best-practices/oauth-high-volume-mails-m365
	HighVolumeEmail = Cloud{
		Authority:    Global.Authority,
		Resource:     Global.Resource,
		UserResource: Global.UserResource,
		IMAP:         Global.IMAP,
		POP:          Global.POP,
		SMTP:         "smtp.hve.mx.microsoft:587",
	}

	// CommunicationServices is the email of Azure Communication Services, which is
	// not Exchange Online: its user name is an SMTP Username of the resource in
	// Azure, linked to the application, and its addresses are those of a domain
	// that is connected to the resource. Its IMAP and POP are of no use.
	// https://learn.microsoft.com/azure/communication-services/quickstarts/email/send-email-smtp/send-email-smtp-oauth
	CommunicationServices = Cloud{
		Authority:    Global.Authority,
		Resource:     "https://communication.azure.com",
		UserResource: "https://communication.azure.com",
		IMAP:         Global.IMAP,
		POP:          Global.POP,
		SMTP:         "smtp.azurecomm.net:587",
	}
)

// Clouds returns the clouds this package knows, [Global] first.
func Clouds() []Cloud {
	return []Cloud{Global, GCCHigh, DoD, China}
}

// WithDefaults returns c with each empty field filled from [Global], except
// that an empty UserResource becomes c.Resource if that is set. So the zero
// Cloud becomes Global.
func (c Cloud) WithDefaults() Cloud {
	fill := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	fill(&c.Authority, Global.Authority)
	if c.UserResource == "" {
		c.UserResource = c.Resource
	}
	fill(&c.Resource, Global.Resource)
	fill(&c.UserResource, Global.UserResource)
	fill(&c.IMAP, Global.IMAP)
	fill(&c.POP, Global.POP)
	fill(&c.SMTP, Global.SMTP)
	return c
}

// AppScope returns the only scope that Entra ID accepts in an app-only
// request: Resource followed by "/.default".
func (c Cloud) AppScope() string {
	return strings.TrimSuffix(c.Resource, "/") + "/.default"
}

// UserScope returns the delegated scope of a permission of Exchange Online:
// UserScope("IMAP.AccessAsUser.All"), UserScope("POP.AccessAsUser.All") or
// UserScope("SMTP.Send"). For a permission without the resource before it,
// Entra ID issues a token for Microsoft Graph, which Exchange refuses.
func (c Cloud) UserScope(permission string) string {
	return strings.TrimSuffix(c.UserResource, "/") + "/" + permission
}
