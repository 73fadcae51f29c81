// Sends a notification of Alertmanager.
package main

import (
	"context"
	"log"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	commoncfg "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"

	"github.com/prometheus/alertmanager/alert"
	amcommoncfg "github.com/prometheus/alertmanager/config/common"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/notify/email"
	"github.com/prometheus/alertmanager/template"
)

func main() {
	host, port, _ := strings.Cut(os.Getenv("EXO_SMTP"), ":")
	required := true
	templates, err := template.FromGlobs(nil)
	if err != nil {
		log.Fatal(err)
	}
	templates.ExternalURL = &url.URL{Scheme: "https", Host: "alerts.contoso.com"}
	notifier := email.New(&email.EmailConfig{
		Smarthost: amcommoncfg.HostPort{Host: host, Port: port}, AuthUsername: os.Getenv("EXO_MAILBOX"),
		From: os.Getenv("EXO_MAILBOX"), To: os.Getenv("EXO_MAILBOX"), RequireTLS: &required,
		TLSConfig: &commoncfg.TLSConfig{CAFile: os.Getenv("EXO_CA_FILE")},
		Headers:   map[string]string{"Subject": "Invoice 18"}, Text: "Paid.",
	}, templates, slog.Default())
	ctx := notify.WithGroupKey(context.Background(), "1")
	firing := &alert.Alert{Alert: model.Alert{Labels: model.LabelSet{"alertname": "Invoice"}, StartsAt: time.Now()}}
	if verdict := notifier.Notify(ctx, firing); verdict.Err() != nil {
		log.Fatal(verdict.Err())
	}
}
