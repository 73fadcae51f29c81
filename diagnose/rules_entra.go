package diagnose

var (
	newSecret = []Command{
		{AzureCLI, "az ad app credential reset --id {client} --append"},
		{Settings, "Credential=<password that the command printed>"},
	}
	adminConsent = []Command{{AzureCLI, "az ad app permission admin-consent --id {client}"}}
	userConsent  = []Command{
		{GraphPowerShell, "Connect-MgGraph -Scopes Application.Read.All,DelegatedPermissionGrant.ReadWrite.All"},
		{GraphPowerShell, "$sp = Get-MgServicePrincipal -Filter \"AppId eq '{client}'\""},
		{GraphPowerShell, "$exo = Get-MgServicePrincipal -Filter \"AppId eq '" + exchangeID + "'\""},
		{GraphPowerShell, "New-MgOauth2PermissionGrant -ClientId $sp.Id -ConsentType AllPrincipals -ResourceId $exo.Id -Scope {permissions}"},
	}
	assignUser = []Command{
		{GraphPowerShell, "Connect-MgGraph -Scopes Application.Read.All,AppRoleAssignment.ReadWrite.All,User.Read.All"},
		{GraphPowerShell, "$sp = Get-MgServicePrincipal -Filter \"AppId eq '{client}'\""},
		{GraphPowerShell, "$user = Get-MgUser -UserId {user}"},
		{GraphPowerShell, "New-MgUserAppRoleAssignment -UserId $user.Id -PrincipalId $user.Id -ResourceId $sp.Id -AppRoleId " + defaultAccess},
	}
	ownTenant = []Command{{Settings, "Tenant={domain}"}}
)

// defaultAccess is the id of the role that stands for no role in particular.
// (https://learn.microsoft.com/powershell/module/microsoft.graph.applications/new-mguserapproleassignment)
const defaultAccess = "00000000-0000-0000-0000-000000000000"

// again is the remedy for whatever a person at the screen has to do.
const again = "Let the user sign in again, in a browser or with a device code."

const assertionRemedy = "Check that the certificate is uploaded under Certificates & secrets, that iss and sub are the client id and aud the token endpoint, and that the clock is right. Allow a few minutes after the upload."

// entraRules are the refusals of Entra ID by their AADSTS number.
var entraRules = []rule{
	entra("signin-other-account", User, "The account is not known in this tenant.",
		"Sign in with an account of the tenant, or have this one invited as a guest.", nil, 16000, 50020),
	entra("scope-invalid", Developer, "The scope of the request is not one of this flow, or is missing.",
		"Ask for {scope}.", []Command{{Settings, scopeSetting}}, 28002, 28003, 70011),
	entra("default-scope", Developer, "A request without a user wants a scope that ends in /.default.",
		"Ask for {scope}.", []Command{{Settings, scopeSetting}}, 1002012),
	{
		name: "two-resources", codes: []int{28000, 700022, 700023}, when: []condition{not(says("assertion"))}, confidence: Certain,
		cause:  "The scopes are for more than one resource, such as Graph and Exchange, or for none.",
		remedy: "Ask for {scope} alone, and for the other resource in a request of its own.",
		who:    Developer, commands: []Command{{Settings, scopeSetting}}, source: docAADSTS,
	},
	entra("redirect-uri", Developer, "The redirect URI is not registered for the application.",
		"Add it under Authentication, exactly as it is sent, on the right platform: for a program on a desktop http://localhost under \"Mobile and desktop applications\".", nil, 50011, 500113),
	entra("assertion", Developer, "The certificate or the assertion that proves the application is not valid.",
		assertionRemedy, nil, 50012, 50027, 50048, 700027, 700030),
	{
		name: "assertion", codes: []int{700023}, when: []condition{says("assertion")}, confidence: Certain,
		cause:  "The assertion that proves the application is for another audience.",
		remedy: assertionRemedy,
		who:    Developer, source: docAADSTS,
	},
	entra("user-assertion", Developer, "The user's token that was passed on is not valid, or is no longer.",
		"Pass on a token that is for this application and has not expired; have the caller fetch a new one.", nil, 50013, 500133),
	entra("assertion-time", Developer, "The assertion is outside of its time: the clock is wrong, or it was kept for too long.",
		"Set the clock, let it be kept by NTP, and sign a new assertion for each request.", nil, 700024),
	entra("resource-unknown", Developer, "The tenant does not know the resource in the scope.",
		"Check how it is written, and whether the cloud is the right one: {scope}.", []Command{{Settings, scopeSetting}}, 500011, 650052, 650057),
	entra("user-unknown", User, "There is no such user in the tenant.",
		"Check the name, and the tenant.", nil, 50034),
	entra("authority-unknown", Developer, "Entra ID does not know this login host.",
		"Set it to that of the tenant's cloud, https://login.microsoftonline.com for most.", []Command{{Settings, "Cloud.Authority=https://login.microsoftonline.com"}}, 50049),
	entra("locked", User, "The account is locked, or the address the request came from is blocked, after too many wrong passwords.",
		"Wait, or let an administrator unlock it. Do not try again at once: that makes the lock longer.", nil, 50053),
	entra("password-expired", User, "The user's password has expired, or has to be set.",
		"Change it, in a browser.", nil, 50055, 50056, 50144),
	entra("user-disabled", EntraAdmin, "The user is disabled.",
		"Enable the account.", []Command{{GraphPowerShell, "Update-MgUser -UserId {user} -AccountEnabled:$true"}}, 50057),
	entra("sign-in-needed", User, "A person has to sign in.", again, nil, 50058, 50085, 50089, 50132, 50133, 50140, 50199),
	entra("tenant-missing", Developer, "The request names no tenant, and a token without a user belongs to one.",
		"Set the tenant to its id or to a domain of it, in place of common, organizations or consumers.", ownTenant, 50059, 50128, 9001023),
	entra("mfa", User, "The account wants a second factor (MFA), which a password alone cannot give.",
		again+" A service without a user takes client credentials.", nil, 50072, 50074, 50076, 50078, 50079, 53004, 53010, 50158),
	entra("device", User, "Conditional Access wants a device that is registered and managed.",
		"Sign in with the system's browser on such a device, or let an administrator exempt the account or the application.", nil, 50097, 53000, 53001, 530003, 135011),
	entra("not-assigned", EntraAdmin, "The user is not assigned to the application.",
		"Assign the user with the commands, or a group under Enterprise applications, or switch \"Assignment required\" off there.", assignUser, 50105),
	entra("wrong-password", User, "The user name or the password is wrong.",
		"Correct it, and do not try too often: the account gets locked.", nil, 50126),
	entra("pkce", Developer, "The proof of the authorization code (PKCE) is missing or does not match.",
		"Send the code_verifier whose S256 hash was in the request, 43 to 128 characters long.", nil, 50147, 501491, 501481, 50148, 50149, 9002325),
	entra("grant-revoked", User, "The sign-in was revoked, by a new password or by an administrator.",
		again+" Delete the refresh token.", nil, 50173),
	entra("single-tenant", Developer, "The application is of one tenant only, and was used at common.",
		"Set the tenant to its id or domain, or register the application for accounts in any organization.", ownTenant, 50194, 650059),
	entra("request-loop", Developer, "The same request came so often that Entra ID takes the program for one in a loop.",
		"Keep tokens until they expire. The block ends after some minutes without a request.", nil, 50196),
	entra("tenant-blocked", EntraAdmin, "The tenant is deleted or blocked.",
		"Look at its state and its subscription.", nil, 5000224),
	entra("conditional-access", EntraAdmin, "Conditional Access blocks the sign-in.",
		"The sign-in log names the policy. Exempt the application, the account or the address it comes from; device codes may have a policy of their own.", nil, 53002, 53003, 530032, 530034, 53011),
	entra("security-defaults", EntraAdmin, "The security defaults of the tenant block sign-ins with a password.",
		"Use another flow: client credentials for a service, a device code or the browser for a user.", nil, 530035),
	entra("code-used", Developer, "The authorization code has been redeemed before.",
		"Redeem it once, and do not repeat the request in another style.", nil, 54005),
	entra("no-consent", EntraAdmin, "Nobody has consented to what the application asks for.",
		"Let the user consent at the sign-in, or consent for everybody with the commands.", userConsent, 65001, 90094, 90095),
	entra("microsofts-client-id", Developer, "The client id is one of Microsoft's own.",
		"Register an application of your own and use its client id.", nil, 65002),
	entra("consent-declined", User, "The user declined.",
		"Sign in again and accept.", nil, 65004),
	entra("permissions-misconfigured", Developer, "The API permissions of the application are empty or wrong.",
		"Add those of Office 365 Exchange Online under API permissions, then grant admin consent.", adminConsent, 650056, 1003031),
	entra("grant-invalid", User, "The refresh token or the code is not valid, or was given for another resource.",
		"Ask for {scope}; where that was done, let the user sign in again.", []Command{{Settings, scopeSetting}}, 70000),
	entra("app-disabled", EntraAdmin, "The application is disabled.",
		"Enable it under Enterprise applications, Properties.", []Command{
			{GraphPowerShell, "$sp = Get-MgServicePrincipal -Filter \"AppId eq '{client}'\""},
			{GraphPowerShell, "Update-MgServicePrincipal -ServicePrincipalId $sp.Id -AccountEnabled:$true"},
		}, 70001, 7000112),
	entra("wrong-secret", Developer, "The client secret is wrong. Often its Secret ID was taken in place of its Value.",
		"Use the Value. It is shown once, when the secret is made; make a new one where it is lost.", newSecret, 7000215, 70002),
	entra("expired-secret", Developer, "The client secret has expired.",
		"Make a new one and put its Value into the settings. A certificate or a federated credential needs that less often.", newSecret, 7000222),
	entra("grant-unsupported", Developer, "The endpoint does not know this grant type or response mode.",
		"Correct grant_type, or response_mode.", nil, 70003, 70007),
	entra("sign-in-expired", User, "The sign-in has expired because it was not used, 90 days for most and 24 hours for single-page applications.",
		again, nil, 70008, 700082, 700084, 70043),
	entra("pending", Nobody, "The user has not finished the sign-in yet.",
		"Go on polling, no faster than told.", nil, 70016),
	entra("code-mistyped", User, "The code was typed wrong, or has expired.",
		"Start the sign-in again and type the new code.", nil, 70018, 70019, 70020),
	entra("federated-credential", Developer, "No federated credential of the application matches the assertion.",
		"Issuer, subject and audience have to be the same to the letter. One that was just made takes some minutes.", nil, 70021, 700213, 7002137, 7002138, 700211, 700212),
	entra("other-tenants-code", Developer, "The code was issued by another tenant's endpoint.",
		"Redeem it at the endpoint that issued it.", nil, 700005),
	{
		name: "client-id-space", codes: []int{700016}, when: []condition{spacedClientID}, confidence: Certain,
		cause:    "The client id has white space around it.",
		evidence: "the setting {client}",
		remedy:   "Take it out; it often comes with a file or a variable.",
		who:      Developer, commands: []Command{{Settings, "ClientID={client}"}}, source: docAADSTS,
	},
	{
		name: "unknown-application", codes: []int{700016}, when: []condition{otherDomain}, confidence: Likely,
		cause:  "The application is not in this tenant: the tenant is the wrong one.",
		remedy: "Set the tenant to that of the mailbox. An application of another tenant needs an administrator's consent first.",
		who:    Developer, commands: ownTenant, source: docAADSTS,
	},
	{
		name: "wrong-client-id", codes: []int{700016}, confidence: Likely,
		cause:  "The client id is wrong. Often it is an object id, which stands beside it.",
		remedy: "Use the application (client) id from the overview of the app registration. The command shows it, where it is an object id that was set.",
		who:    Developer, commands: []Command{
			{GraphPowerShell, "Get-MgApplication -ApplicationId {client} | Select-Object AppId"},
			{Settings, "ClientID=<AppId that the command printed>"},
		}, source: docAADSTS,
	},
	{
		name: "unknown-application", codes: []int{700016}, when: []condition{not(otherDomain)}, confidence: Possible,
		cause:  "The application is not in this tenant.",
		remedy: "Set the tenant to that of the mailbox. An application of another tenant needs an administrator's consent first.",
		who:    Developer, commands: ownTenant, source: docAADSTS,
	},
	entra("public-client-secret", Developer, "The application is a public client, and sent a secret.",
		"Leave the secret out, or add the platform Web and use its redirect URI.", nil, 700025),
	entra("on-behalf-of-forbidden", Developer, "The application may not act on behalf of a user.",
		"Look at its registration, or use another flow.", nil, 7000114),
	entra("credential-missing", Developer, "The application sent neither a secret nor an assertion.",
		"Check where the secret is read from, and make a new one where it is lost.", newSecret, 7000216),
	entra("credential-missing", Developer, "The application sent neither a secret nor an assertion.",
		"Send one, or, for a program on a user's machine, switch on \"Allow public client flows\" under Authentication, as the command does.",
		[]Command{{AzureCLI, "az ad app update --id {client} --is-fallback-public-client true"}}, 7000218),
	entra("unknown-tenant", Developer, "There is no such tenant, or it is in another cloud.",
		"Set the tenant to its id or to a domain of it, and the cloud to the one that it is in.", ownTenant, 90002),
	entra("passing", Nobody, "Entra ID is in trouble or busy for the moment.",
		"Try again, with growing pauses, and obey Retry-After.", nil, 70012, 90006, 90024, 90033, 90090, 90012, 50033, 50087, 80002, 90055),
	entra("malformed", Developer, "The request is malformed.",
		"Compare it with the documentation of the flow: POST, a form in the body, every required field.", nil, 90013, 90023, 901002, 9002313, 90014, 900144, 900561),
	entra("guest-missing", EntraAdmin, "The user's account is not in the tenant.",
		"Invite it as a guest, or sign in with an account of the tenant.", nil, 90072),
	entra("cloud", Developer, "The tenant is in another Microsoft cloud than the login host.",
		"Use the login host of its cloud: exoauth.Clouds lists them.", nil, 900382, 900432, 90038, 900439),
	entra("platform", Developer, "The redirect URI is registered as that of a single-page application.",
		"Register it for the platform Web, or for mobile and desktop, in place of it; send no Origin header.", nil, 9002326, 9002327),
	entra("not-for-consumers", Developer, "The application is for organizations, and was used at consumers.",
		"Register it for personal accounts too, or use the tenant's own endpoint.", ownTenant, 9002332),
	entra("region", Developer, "The regional endpoint does not serve the application.",
		"Leave the region out.", nil, 100007),
	{
		name: "entra-refused", seen: unknownRefusal, confidence: Possible,
		cause:  "Entra ID refused the request.",
		remedy: "Its words are the best explanation there is; the source has more on the code {code}.",
		who:    Developer, source: "https://login.microsoftonline.com/error",
	},
}

func entra(name string, who Role, cause, remedy string, commands []Command, codes ...int) rule {
	return rule{name: name, codes: codes, confidence: Certain, cause: cause, remedy: remedy, who: who, commands: commands, source: docAADSTS}
}
