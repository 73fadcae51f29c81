package exchangetest

import (
	"net"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/clouds"
	"github.com/exoauth/exoauth/exchangetest/internal/imapd"
	"github.com/exoauth/exoauth/exchangetest/internal/mailserver"
	"github.com/exoauth/exoauth/exchangetest/internal/popd"
	"github.com/exoauth/exoauth/exchangetest/internal/smtpd"
)

// A mailPort is a port that a mail server listens on.
type mailPort struct {
	net.Listener
	hosts map[string]bool // that Microsoft's servers of this kind have
	port  string          // that they listen on
}

// mailPorts are those of the server.
type mailPorts struct{ imap, pop, plainIMAP, plainPOP, smtp, hve *mailPort }

func openMailPorts() mailPorts {
	imap, smtp := clouds.MailHosts()
	at := func(hosts map[string]bool, port string) *mailPort { return &mailPort{listen(freePort), hosts, port} }
	return mailPorts{
		imap: at(imap, "993"), pop: at(imap, "995"), plainIMAP: at(imap, "143"), plainPOP: at(imap, "110"),
		smtp: at(smtp, "587"), hve: at(map[string]bool{clouds.HVEHost: true, clouds.OldHVEHost: true}, "587"),
	}
}

// relisten listens on the given addresses in the place of the free ports.
func (p *mailPorts) relisten(a Addrs) {
	for port, addr := range map[*mailPort]string{
		p.imap: a.IMAP, p.plainIMAP: a.IMAPStartTLS, p.pop: a.POP, p.plainPOP: a.POPStartTLS, p.smtp: a.SMTP, p.hve: a.HVE,
	} {
		relisten(&port.Listener, addr)
	}
}

func (p *mailPorts) serve(l *life, m *mailserver.Server, imap *imapd.Server, smtp *smtpd.Server) {
	for port, handle := range map[*mailPort]func(net.Conn){
		p.imap: func(c net.Conn) { imap.Serve(c, false) }, p.plainIMAP: func(c net.Conn) { imap.Serve(c, true) },
		p.pop: func(c net.Conn) { popd.Serve(m, c, false) }, p.plainPOP: func(c net.Conn) { popd.Serve(m, c, true) },
		p.smtp: func(c net.Conn) { smtp.Serve(c, false) }, p.hve: func(c net.Conn) { smtp.Serve(c, true) },
	} {
		l.running.Go(func() { l.accept(port, handle) })
	}
}

func (p *mailPorts) all() []*mailPort {
	return []*mailPort{p.imap, p.pop, p.plainIMAP, p.plainPOP, p.smtp, p.hve}
}

func (p *mailPorts) close() {
	for _, port := range p.all() {
		port.Close()
	}
}

// own returns the server's own address for one of Microsoft's, and any other as
// it is.
func (p *mailPorts) own(addr string) string {
	host, port, err := net.SplitHostPort(strings.ToLower(addr))
	for _, own := range p.all() {
		if err == nil && own.hosts[host] && own.port == port {
			return own.Addr().String()
		}
	}
	return addr
}
