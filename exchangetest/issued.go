package exchangetest

// issued is what Entra ID has given out and will be shown again. Each kind has
// a lock of its own. None is held while that of the directory is taken.
type issued struct {
	codes   codes
	devices devices
	refresh refreshTokens
	signIns signIns
	opaque  opaqueTokens
}

func newIssued() *issued {
	return &issued{
		codes:   codes{byValue: make(map[string]*authCode)},
		devices: devices{byCode: make(map[string]*device)},
		refresh: refreshTokens{byValue: make(map[string]*refreshToken)},
		signIns: signIns{byCookie: make(map[string]*signIn)},
		opaque:  opaqueTokens{jwts: make(map[string]string)},
	}
}
