package azurehost

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Remedy returns what to do about a refusal with this status, or "".
func (h *Host) Remedy(status int) string {
	switch {
	case status == http.StatusForbidden && h.slow:
		return h.Hint // Docker Desktop answers in its place
	case status == http.StatusUnauthorized && h.KeyDir != "":
		return RemedyKey
	case status == http.StatusBadRequest:
		return "check that the identity is assigned to this machine or service, and that its id is right"
	}
	return ""
}

// CheckEcho checks that an answer is about the identity that was asked for: an
// old agent would answer with the one of the system instead. field returns a
// field of the answer.
func (h *Host) CheckEcho(id ID, field func(name string) string) error {
	if !h.echoes {
		return nil
	}
	for name, want := range map[string]string{"client_id": id.Client, "object_id": id.Object, "msi_res_id": id.Resource} {
		if want != "" && !strings.EqualFold(field(name), want) {
			return errors.New("the host has not confirmed which identity the token is of: update the agent of " + h.Name)
		}
	}
	return nil
}

// dateForms are the forms in which App Service and Azure Machine Learning have
// written expires_on. A date without a time zone is in UTC.
var dateForms = []string{
	time.RFC3339, time.DateTime, "2006-01-02 15:04:05 -07:00", "2006-01-02T15:04:05",
	"1/2/2006 15:04:05", "1/2/2006 15:04:05 -07:00", "1/2/2006 3:04:05 PM", "1/2/2006 3:04:05 PM -07:00",
}

// Expiry reads expires_on: seconds since 1970, or a date.
func Expiry(text string) (time.Time, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Unix(n, 0), nil
	}
	for _, form := range dateForms {
		if at, err := time.Parse(form, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, errors.New("is neither a number of seconds nor a date")
}
