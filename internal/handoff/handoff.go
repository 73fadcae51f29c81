// Package handoff gives a connection whose first exchange has taken place
// already to a client library that expects to make that exchange itself.
package handoff

import "net"

// Conn is a net.Conn that is read from Greeting first, then from Rest, then
// from the connection. Like a client library it expects one goroutine to read
// and one at a time to write.
type Conn struct {
	net.Conn
	// Greeting is what the server is made to say first.
	Greeting []byte
	// Hold, if not nil, keeps a Read waiting after Greeting until it is
	// closed. A client library can then be given time to act on Greeting,
	// even if the server has closed the connection meanwhile.
	Hold <-chan struct{}
	// Rest is what the server has said already and nobody has read.
	Rest []byte
}

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	if len(c.Greeting) > 0 {
		return take(&c.Greeting, p), nil
	}
	if c.Hold != nil {
		<-c.Hold
		c.Hold = nil
	}
	if len(c.Rest) > 0 {
		return take(&c.Rest, p), nil
	}
	return c.Conn.Read(p)
}

// take moves bytes from the start of src, which it lets go of when it is
// empty: a connection may live for months.
func take(src *[]byte, p []byte) int {
	n := copy(p, *src)
	if *src = (*src)[n:]; len(*src) == 0 {
		*src = nil
	}
	return n
}
