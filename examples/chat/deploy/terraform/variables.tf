variable "name" {
  description = "Prefix of everything that is created."
  type        = string
  default     = "chat"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.name))
    error_message = "Use 1 to 31 of a-z, 0-9 and -, beginning with a letter: IAM role names are short."
  }
}

variable "stage_name" {
  description = "Stage of the API; the last part of the WebSocket URL."
  type        = string
  default     = "prod"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,128}$", var.stage_name))
    error_message = "Use 1 to 128 of A-Z, a-z, 0-9, _ and -."
  }
}

# ---- Functions ----

variable "chat_code" {
  description = "The chat function: path of the zip that cargo-lambda built, or URI of an image in ECR (by digest)."
  type = object({
    zip       = optional(string)
    image_uri = optional(string)
  })

  validation {
    condition     = (var.chat_code.zip == null) != (var.chat_code.image_uri == null)
    error_message = "Set either zip or image_uri."
  }
}

variable "authorizer_enabled" {
  description = "Puts the chat-authorizer function in front: a bad token is refused before the chat function runs."
  type        = bool
  default     = false
}

variable "authorizer_code" {
  description = "The chat-authorizer function, as chat_code."
  type = object({
    zip       = optional(string)
    image_uri = optional(string)
  })
  default = null

  validation {
    condition     = !var.authorizer_enabled || try((var.authorizer_code.zip == null) != (var.authorizer_code.image_uri == null), false)
    error_message = "With authorizer_enabled, set either zip or image_uri."
  }
}

variable "architecture" {
  description = "What the code was built for: arm64 (cheaper) or x86_64."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "Use arm64 or x86_64."
  }
}

variable "memory_size" {
  description = "Memory of a function in MB. CPU comes with it: 1,769 MB is one vCPU."
  type        = number
  default     = 256
}

variable "reserved_concurrency" {
  description = "Most invocations of a function at a time; -1 leaves it to the account's limit."
  type        = number
  default     = -1
}

variable "xray_enabled" {
  description = "Traces the functions with X-Ray."
  type        = bool
  default     = false
}

variable "log_level" {
  description = "RUST_LOG of the functions. Refusals are logged at warn."
  type        = string
  default     = "info"
}

variable "log_retention_days" {
  description = "How long CloudWatch keeps logs."
  type        = number
  default     = 30
}

# ---- API ----

variable "throttling_rate_limit" {
  description = "Events a second (connections, messages) that each route takes. The account's default limit is 10,000."
  type        = number
  default     = 1000
}

variable "throttling_burst_limit" {
  description = "Events that each route takes at once."
  type        = number
  default     = 500
}

variable "manage_logging_role" {
  description = <<-TEXT
    Sets the role with which API Gateway writes logs, for the whole account and region. WebSocket APIs
    cannot log without one. Leave false if the account has it (see `aws apigateway get-account`).
  TEXT
  type        = bool
  default     = false
}

variable "deletion_protection" {
  description = "Protects the table of connections from deletion. Turn off and apply before destroying."
  type        = bool
  default     = true
}

# ---- Keys: see keys.tf ----

variable "key_source" {
  description = "Where the private key is made and kept: terraform, external or kms."
  type        = string
  default     = "external"

  validation {
    condition     = contains(["terraform", "external", "kms"], var.key_source)
    error_message = "Use terraform, external or kms."
  }
}

variable "key_ids" {
  description = "Names of the keys whose tokens are accepted. Two during a rotation, one otherwise."
  type        = list(string)
  default     = ["key-1"]

  validation {
    # An environment holds 4 KB, a public key of 2,048 bits about 450 bytes.
    condition     = length(var.key_ids) >= 1 && length(var.key_ids) <= 4 && length(distinct(var.key_ids)) == length(var.key_ids)
    error_message = "Name one to four different keys."
  }
}

variable "signing_key_id" {
  description = "The one of key_ids that new tokens are signed with (terraform, kms); null if there is only one."
  type        = string
  default     = null

  validation {
    condition     = var.signing_key_id == null ? length(var.key_ids) == 1 || var.key_source == "external" : contains(var.key_ids, var.signing_key_id)
    error_message = "Name one of key_ids."
  }
}

variable "public_keys" {
  description = "For external: the PEM of each of key_ids, as keys.sh prints it."
  type        = map(string)
  default     = {}

  validation {
    condition     = var.key_source != "external" || length(setsubtract(var.key_ids, keys(var.public_keys))) == 0
    error_message = "With key_source external, public_keys needs an entry for each of key_ids."
  }

  validation {
    condition     = alltrue([for pem in values(var.public_keys) : !strcontains(pem, "PRIVATE")])
    error_message = "That is a private key. It belongs in the issuer's secret only: treat it as leaked, since Terraform has read it."
  }
}

variable "external_secret_name" {
  description = "For external: name of the secret that keys.sh made. The functions are denied to read it."
  type        = string
  default     = null
}

variable "issuer_role_arns" {
  description = "Roles of the backends that sign tokens. Nobody else may sign with a KMS key."
  type        = list(string)
  default     = []

  validation {
    condition     = var.key_source != "kms" || length(var.issuer_role_arns) > 0
    error_message = "With key_source kms, name at least one role that may sign."
  }
}

variable "secret_kms_key_arn" {
  description = "For terraform: a KMS key of yours that encrypts the secret; the issuers need kms:Decrypt on it."
  type        = string
  default     = null
}

# ---- Operation ----

variable "alarm_actions" {
  description = "ARNs that alarms notify, for example an SNS topic."
  type        = list(string)
  default     = []
}

variable "refusals_alarm_threshold" {
  description = "Refused connections and messages in five minutes that raise an alarm."
  type        = number
  default     = 100
}

variable "tags" {
  description = "Tags of everything that is created."
  type        = map(string)
  default     = {}
}
