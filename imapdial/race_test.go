//go:build race

package imapdial_test

func init() { raceDetector = true }
