package tokensource

// ManagedIdentityOn is ManagedIdentity on a machine with this environment, on
// which the agent of Azure Arc leaves its keys in keyDir.
func ManagedIdentityOn(env map[string]string, keyDir string, o ManagedIdentityOptions) *Source {
	m := environment(env)
	host, bad := m.Find()
	if bad != nil {
		return &Source{broken: (*ConfigError)(bad)}
	}
	if host.KeyDir != "" {
		host.KeyDir = keyDir
	}
	return identitySource(o, host)
}
