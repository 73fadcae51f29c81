//go:build !linux

package tokensource_test

import "testing"

func smallDisk(t *testing.T) string {
	t.Skip("no small disk is made here")
	return ""
}
