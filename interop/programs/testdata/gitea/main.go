// Sends a message of Gitea.
package main

import (
	"log"
	"os"
	"strings"

	"code.gitea.io/gitea/modules/setting"
	"code.gitea.io/gitea/services/mailer/sender"
)

func main() {
	host, port, _ := strings.Cut(os.Getenv("EXO_SMTP"), ":")
	mailbox := os.Getenv("EXO_MAILBOX")
	setting.MailService = &setting.Mailer{Protocol: "smtp+starttls", SMTPAddr: host, SMTPPort: port, User: mailbox, FromEmail: mailbox}
	message := sender.NewMessage(mailbox, "Invoice 18", "<p>Paid.</p>")
	if err := sender.Send(new(sender.SMTPSender), message); err != nil {
		log.Fatal(err)
	}
}
