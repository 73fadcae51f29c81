//go:build !race

package diagnose_test

// everyPair thins the pairs out: they are all tested.
const everyPair = 1
