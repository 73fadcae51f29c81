//go:build !unix

package tokensource_test

import "testing"

func asNobody(*testing.T) bool { return false }
