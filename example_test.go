package exoauth_test

import (
	"fmt"

	"github.com/exoauth/exoauth"
)

func ExampleCloud() {
	cloud := exoauth.GCCHigh
	fmt.Println(cloud.Authority)
	fmt.Println(cloud.IMAP)
	fmt.Println(cloud.AppScope())
	fmt.Println(cloud.UserScope("SMTP.Send"))
	// Output:
	// https://login.microsoftonline.us
	// outlook.office365.us:993
	// https://outlook.office365.us/.default
	// https://outlook.office365.us/SMTP.Send
}

// With a proxy in front of IMAP, and the other servers as published.
func ExampleCloud_WithDefaults() {
	cloud := exoauth.Cloud{IMAP: "imap.example.com:993"}.WithDefaults()
	fmt.Println(cloud.IMAP)
	fmt.Println(cloud.SMTP)
	// Output:
	// imap.example.com:993
	// smtp.office365.com:587
}

func ExampleClouds() {
	for _, cloud := range exoauth.Clouds() {
		fmt.Println(cloud.IMAP)
	}
	// Output:
	// outlook.office365.com:993
	// outlook.office365.us:993
	// outlook-dod.office365.us:993
	// partner.outlook.cn:993
}
