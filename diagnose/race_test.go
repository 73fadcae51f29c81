//go:build race

package diagnose_test

// everyPair thins the pairs out, each of which has a server of its own.
const everyPair = 12
