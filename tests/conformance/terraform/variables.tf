variable "name" {
  description = "The prefix of all names."
  type        = string
  default     = "room-auth-conformance"
}

variable "echo_zip" {
  description = "The archive with ../function/echo.py, which ../aws.sh makes."
  type        = string
}
