//go:build race

package mailtest

// RaceDetector is set where the memory of the race detector would be measured.
const RaceDetector = true
