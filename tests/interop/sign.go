// Signs a room token with golang-jwt (v4 here; v5 has the same calls).
// usage: sign PRIVATE_KEY_PEM ROOM LIFETIME_SECONDS [KID]
package main

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v4"
)

var roomID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)

// roomToken is for a user who may enter room: the token is the permission.
func roomToken(key *rsa.PrivateKey, room string, lifetime time.Duration, kid string) (string, error) {
	if !roomID.MatchString(room) {
		return "", errors.New("not a room id")
	}
	if lifetime < time.Second {
		return "", errors.New("the lifetime must be positive")
	}
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{
		Subject:   room,
		IssuedAt:  jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(now.Add(lifetime)),
	})
	if kid != "" {
		token.Header["kid"] = kid
	}
	return token.SignedString(key)
}

func run(args []string) (string, error) {
	pem, err := os.ReadFile(args[0])
	if err != nil {
		return "", err
	}
	key, err := jwt.ParseRSAPrivateKeyFromPEM(pem)
	if err != nil {
		return "", fmt.Errorf("no RSA private key in %s", args[0])
	}
	seconds, err := strconv.ParseInt(args[2], 10, 32)
	if err != nil {
		return "", errors.New("the lifetime is a number of seconds")
	}
	kid := ""
	if len(args) == 4 {
		kid = args[3]
	}
	return roomToken(key, args[1], time.Duration(seconds)*time.Second, kid)
}

func main() {
	args := os.Args[1:]
	if len(args) < 3 || len(args) > 4 {
		fmt.Fprintln(os.Stderr, "usage: sign PRIVATE_KEY_PEM ROOM LIFETIME_SECONDS [KID]")
		os.Exit(2)
	}
	token, err := run(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(token)
}
