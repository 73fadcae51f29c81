package tokensource

// ManagedIdentityOn is ManagedIdentity on a machine with this environment, on
// which the agent of Azure Arc leaves its keys in keyDir.
func ManagedIdentityOn(env map[string]string, keyDir string, o ManagedIdentityOptions) *Source {
	m := environment(env)
	host, err := m.host(o)
	if err != nil {
		return &Source{broken: err}
	}
	if host.keyDir != "" {
		host.keyDir = keyDir
	}
	return identitySource(o, host)
}
