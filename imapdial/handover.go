package imapdial

import (
	"strings"

	"github.com/emersion/go-imap/v2/imapclient"
)

// handOver gives the connection to imapclient, which is made to read that it
// is authenticated already. Where the capabilities are not known, imapclient
// asks for them. Ended is as in conn.
func (s *session) handOver(options *imapclient.Options, limits Limits, ended func(error)) (*imapclient.Client, *conn, error) {
	greeting := "* PREAUTH "
	if len(s.caps) > 0 {
		greeting += "[CAPABILITY " + strings.ToUpper(strings.Join(s.caps, " ")) + "] "
	}
	greeting += "authenticated already\r\n"

	var own imapclient.Options
	if options != nil {
		own = *options
	}
	own.DebugWriter = nil // the tap shows what imapclient would, in lines
	greeted := make(chan struct{})
	conn := s.newConn(greeting, greeted, ended)
	conn.watcher.bounds = limits.bounds()
	client := imapclient.New(conn, &own)
	err := client.WaitGreeting()
	close(greeted)
	if err != nil {
		client.Close()
		return nil, nil, err
	}
	return client, conn, nil
}
