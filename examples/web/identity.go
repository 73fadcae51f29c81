package main

import (
	"context"
	"errors"

	"github.com/golang-jwt/jwt/v5"

	"github.com/exoauth/exoauth/tokensource"
)

// An identity is a user's for good. A name may change, and be given to another
// user.
// (https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference)
type identity struct {
	Tenant string `json:"tid"`
	User   string `json:"oid"`
}

// A person is somebody who has signed in.
type person struct {
	identity
	Name string `json:"preferred_username"` // and mailbox
}

// whoSignedIn reads the id_token that came with the first token. It came from
// Entra ID itself over TLS, so there is no need to check its signature.
// (OpenID Connect Core §3.1.3.7)
func (a *app) whoSignedIn(ctx context.Context, source *tokensource.Source) (person, error) {
	token, err := source.TokenContext(ctx)
	if err != nil {
		return person{}, err
	}
	var claims struct {
		jwt.RegisteredClaims
		person
	}
	text, _ := token.Extra("id_token").(string)
	if _, _, err := jwt.NewParser().ParseUnverified(text, &claims); err != nil {
		return person{}, err
	}
	check := jwt.NewValidator(jwt.WithAudience(a.config.ClientID), jwt.WithExpirationRequired())
	if err := check.Validate(claims); err != nil {
		return person{}, err
	}
	if who := claims.person; who.Tenant != "" && who.User != "" && who.Name != "" {
		return who, nil
	}
	return person{}, errors.New("the id_token does not say who has signed in")
}
