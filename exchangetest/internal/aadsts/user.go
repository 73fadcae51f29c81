package aadsts

// Refusals of a user, of the password or of a second factor.
const (
	UnknownUser     = 50034
	ForeignUser     = 50020
	WrongPassword   = 50126
	NoPassword      = 50056
	PasswordExpired = 50055
	OnPremExpired   = 50144
	UserDisabled    = 50057
	UserLocked      = 50053
	MFA             = 50076
	MFAEnrolment    = 50079
	MFAExpired      = 50078
	LoginRequired   = 50058
	Declined        = 65004
	UserAtRisk      = 53011
)

const moved = "Due to a configuration change made by your administrator, or because you moved to a new location, you must "

var users = []Refusal{
	{Code: 16000, Error: interactionRequired, Text: "User account '{username}' from another identity provider does not exist in tenant '{tenant}' and cannot access the application '{client_id}'({app_name}) in that tenant. The account needs to be added as an external user in the tenant first. Sign out and sign in again with a different account."},
	{Code: ForeignUser, Error: invalidGrant, Text: "User account '{username}' from another identity provider does not exist in tenant '{tenant}' and cannot access the application '{client_id}'({app_name}) in that tenant. The account needs to be added as an external user in the tenant first."},
	{Code: 90072, Error: invalidGrant, Text: "User account '{username}' from another identity provider does not exist in tenant '{tenant}' and cannot access the application '{client_id}'({app_name}) in that tenant. The account needs to be added as an external user in the tenant first."},
	{Code: UnknownUser, Error: invalidGrant, Text: "The user account {username} does not exist in the {tenant} directory. To sign into this application, the account must be added to the directory."},
	{Code: WrongPassword, Error: invalidGrant, Text: "Error validating credentials due to invalid username or password."},
	{Code: NoPassword, Error: invalidGrant, Text: "Invalid or null password: password does not exist in the directory for this user."},
	{Code: PasswordExpired, Error: invalidGrant, Suberror: "user_password_expired", Text: "The password is expired."},
	{Code: OnPremExpired, Error: invalidGrant, Text: "The user's Active Directory password has expired.", Ours: true},
	{Code: UserDisabled, Error: invalidGrant, Text: "The user account is disabled."},
	{Code: UserLocked, Error: invalidGrant, Text: "The account is locked, you've tried to sign in too many times with an incorrect user ID or password."},

	{Code: 50072, Error: interactionRequired, Suberror: "basic_action", Text: moved + "enroll in multi-factor authentication to access '{resource}'."},
	{Code: 50074, Error: interactionRequired, Suberror: "basic_action", Text: "Strong Authentication is required."},
	{Code: MFA, Error: invalidGrant, Suberror: "basic_action", Text: moved + "use multi-factor authentication to access '{resource}'."},
	{Code: MFAExpired, Error: interactionRequired, Suberror: "basic_action", Text: "Presented multi-factor authentication has expired due to policies configured by your administrator, you must refresh your multi-factor authentication to access '{resource}'."},
	{Code: MFAEnrolment, Error: interactionRequired, Suberror: "basic_action", Text: moved + "enroll in multi-factor authentication to access '{resource}'."},
	{Code: 53004, Error: invalidGrant, Text: "The user has to register for multi-factor authentication before this content can be accessed.", Ours: true},
	{Code: 53010, Error: invalidGrant, Text: "Multi-factor authentication methods can be set from specific locations or devices only.", Ours: true},
	{Code: UserAtRisk, Error: invalidGrant, Text: "User blocked due to risk on home tenant."},

	{Code: LoginRequired, Error: "login_required", Text: "A silent sign-in request was sent but no user is signed in."},
	{Code: 50140, Error: interactionRequired, Text: "The sign-in was interrupted by the question whether to stay signed in.", Ours: true},
	{Code: 50199, Error: interactionRequired, Text: "For security reasons, user confirmation is required for this request."},
	{Code: Declined, Error: accessDenied, Text: "User declined to consent to access the app."},
}
