package settings

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/exoauth/exoauth/tokensource"
)

// environment knows the variable of each of the Settings. The zero value is for
// Settings that do not come from the environment.
type environment struct {
	names map[string]string // by json tag
	bad   *tokensource.ConfigError
	ours  string // the variable that made FromEnv ignore those of the Azure SDKs
}

// identity lists the settings that tell who the program is.
var identity = []string{
	"tenant", "client_id", "client_secret", "client_secret_file", "certificate_file",
	"federated_token_file", "managed_identity", "password",
}

// FromEnv reads Settings from the environment with getenv, which can be
// [os.Getenv] or a function that adds a prefix to each name. The name of a
// variable is EXO_ and the json tag of the field in capitals: EXO_TENANT,
// EXO_CLIENT_ID, EXO_CLIENT_SECRET, EXO_CA_FILE. An empty variable counts as
// not set.
//
// FromEnv also understands the variables of the Azure SDKs, which workload
// identity in Kubernetes sets, too: AZURE_TENANT_ID, AZURE_CLIENT_ID,
// AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PATH,
// AZURE_CLIENT_CERTIFICATE_PASSWORD, AZURE_CLIENT_SEND_CERTIFICATE_CHAIN,
// AZURE_FEDERATED_TOKEN_FILE, AZURE_USERNAME and AZURE_PASSWORD. It ignores
// them if any EXO_ variable with an ID, a credential or a password is set,
// since the two must not be mixed. AZURE_AUTHORITY_HOST counts if neither
// EXO_CLOUD nor EXO_AUTHORITY is set.
//
// FromEnv returns no error: the methods of the Settings report what is wrong.
//
// (https://learn.microsoft.com/dotnet/api/azure.identity.environmentcredential,
// https://learn.microsoft.com/azure/aks/workload-identity-overview)
func FromEnv(getenv func(string) string) Settings {
	var s Settings
	all := s.all()
	ours, theirs := firstOf(all, getenv, variable), firstOf(all, getenv, func(one setting) string { return one.azure })
	names := make(map[string]string)
	for _, one := range all {
		name := variable(one)
		azure := ours == "" && theirs != ""
		if one.json == "authority" {
			azure = getenv("EXO_CLOUD") == "" && getenv(one.azure) != ""
		}
		if azure && one.azure != "" && getenv(name) == "" {
			name = one.azure
		}
		names[one.json] = name
		if bad := one.set(name, getenv(name)); bad != nil {
			s.env.bad = bad
		}
	}
	s.env.names = names
	if ours != "" && theirs != "" {
		s.env.ours = ours
	}
	return s
}

// variable returns our own name of a setting.
func variable(one setting) string { return "EXO_" + strings.ToUpper(one.json) }

// firstOf returns the first variable that is set and tells who the program is.
func firstOf(all []setting, getenv func(string) string, name func(setting) string) string {
	for _, one := range all {
		if n := name(one); n != "" && slices.Contains(identity, one.json) && getenv(n) != "" {
			return n
		}
	}
	return ""
}

// set sets the value from text, and returns an error if it cannot.
func (one setting) set(name, text string) *tokensource.ConfigError {
	switch one.value.Kind() {
	case reflect.Bool:
		on, err := strconv.ParseBool(text)
		if err != nil && text != "" {
			return &tokensource.ConfigError{Field: name, Value: text, Problem: "neither true nor false", Remedy: "set it to true, or leave it unset"}
		}
		one.value.SetBool(on)
	case reflect.Slice:
		if words := strings.Fields(text); len(words) > 0 {
			one.value.Set(reflect.ValueOf(words))
		}
	default:
		one.value.SetString(text)
	}
	return nil
}

// name returns the user's name for the setting with that json tag.
func (s *Settings) name(json string) string {
	if name, ok := s.env.names[json]; ok {
		return name
	}
	return json
}

// remedy returns the remedy for a missing setting, and says if the variables of
// the Azure SDKs were ignored.
func (s *Settings) remedy(text string) string {
	if s.env.ours == "" {
		return text
	}
	return text + "; the variables of the Azure SDKs are not read, since " + s.env.ours + " is set"
}
