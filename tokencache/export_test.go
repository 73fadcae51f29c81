package tokencache

// WriteBeside is the beginning of a Put of Dir.
var WriteBeside = writeBeside

// SweepAfter is the age from which Dir deletes an entry.
const SweepAfter = outlived
