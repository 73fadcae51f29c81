// Package smtpline reads what an SMTP client sends: the arguments of commands, and
// messages.
package smtpline

import (
	"bufio"
	"bytes"
	"errors"
	"net/mail"
	"slices"
	"strconv"
	"strings"
)

// ErrTooBig reports a message that is longer than its limit.
var ErrTooBig = errors.New("message too big")

// ReadDots reads the message that follows DATA and takes the dot-stuffing off
// (RFC 5321 §4.5.2). Only a dot between two CRLF ends it: to take a
// bare LF for a line's end is what SMTP smuggling lives on. A message of more
// than limit bytes is read to its end and ErrTooBig returned.
func ReadDots(br *bufio.Reader, limit int) ([]byte, error) {
	var message []byte
	tooBig := false
	start, cr := true, false // of a line; after a CR that ended a part
	for {
		part, err := br.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			return nil, err
		}
		if start && string(part) == ".\r\n" {
			break
		}
		text := part
		if start {
			text = bytes.TrimPrefix(part, []byte("."))
		}
		if tooBig = tooBig || len(message)+len(text) > limit; !tooBig {
			message = append(message, text...)
		}
		start = bytes.HasSuffix(part, []byte("\r\n")) || cr && string(part) == "\n"
		cr = part[len(part)-1] == '\r'
	}
	if tooBig {
		return nil, ErrTooBig
	}
	return message, nil
}

// Path parses "FROM:<address> NAME=VALUE ...", for the keyword it begins with.
func Path(args, keyword string) (address string, params []string, ok bool) {
	if len(args) < len(keyword) || !strings.EqualFold(args[:len(keyword)], keyword) {
		return "", nil, false
	}
	rest := strings.TrimLeft(args[len(keyword):], " ")
	if !strings.HasPrefix(rest, "<") {
		return "", nil, false
	}
	address, rest, ok = strings.Cut(rest[1:], ">")
	return address, strings.Fields(rest), ok
}

// AnnouncedSize returns the value of SIZE= (RFC 1870), or zero.
func AnnouncedSize(params []string) uint64 {
	for _, p := range params {
		if name, value, _ := strings.Cut(p, "="); strings.EqualFold(name, "SIZE") {
			n, err := strconv.ParseUint(value, 10, 64)
			if err == nil || errors.Is(err, strconv.ErrRange) {
				return n
			}
		}
	}
	return 0
}

// Senders returns the addresses that a message says it is from: that of the
// envelope and those of From, as far as they can be read.
func Senders(from string, message []byte) []string {
	var list []string
	if from != "" {
		list = append(list, from)
	}
	head, err := mail.ReadMessage(bytes.NewReader(message))
	if err != nil {
		return list
	}
	authors, err := head.Header.AddressList("From")
	if err != nil {
		return list
	}
	for _, a := range authors {
		if !slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, a.Address) }) {
			list = append(list, a.Address)
		}
	}
	return list
}
