package entra

import "sync"

// issued is what Entra ID has given out and will be shown again. Each kind has
// a lock of its own. None is held while that of the directory is taken.
type issued struct {
	codes   codes
	devices devices
	refresh refreshTokens
	signIns signIns
}

func newIssued() *issued {
	return &issued{
		codes:   codes{newKind[*authCode]()},
		devices: devices{newKind[*device]()},
		refresh: refreshTokens{newKind[*refreshToken]()},
		signIns: signIns{newKind[*signIn]()},
	}
}

// A kind is everything of one kind, by the value that is shown again.
type kind[T any] struct {
	mu      sync.Mutex
	byValue map[string]T
}

func newKind[T any]() *kind[T] { return &kind[T]{byValue: make(map[string]T)} }

func (k *kind[T]) add(value string, thing T) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.byValue[value] = thing
}

// find returns the zero value for one that was not issued.
func (k *kind[T]) find(value string) T {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.byValue[value]
}
