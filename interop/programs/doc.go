// Package programs puts exoauth into mail clients and programs that nobody here
// wrote. What stands between "// page: NAME" and "// end" is on the page
// docs/programs.md, word for word. It is a module of its own, which nobody
// imports.
//
//	go test .
//
// The programs are built from their own source, to which the diffs of the page
// are applied: the first run downloads them.
package programs
