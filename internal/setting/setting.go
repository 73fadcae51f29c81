// Package setting has the error of a setting that cannot work. The packages
// whose settings these are convert it to their own, which has the same fields.
package setting

// Error says which setting cannot work.
type Error struct {
	Field   string // its name; empty if the caller fills it in
	Value   string // as it was set; empty if it is or may be a secret
	Problem string // what is wrong with it
	Remedy  string // what to do
	Err     error  // the reason; nil if there is none
}
