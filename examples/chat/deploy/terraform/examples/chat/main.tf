# A root module to copy: the chat in one region, key pair made by keys.sh, alarms by e-mail.
#
#   cargo lambda build --release --arm64 --output-format zip -p chat   # in the repository's root
#   ../../../keys.sh create chat/issuer > key-1.pem
#   terraform init
#   terraform apply -var alarm_email=you@example.com

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
    tls = {
      source  = "hashicorp/tls"
      version = "~> 4.0"
    }
  }

  # Keep the state where a team can share and lock it, encrypted:
  # backend "s3" {
  #   bucket       = "…"
  #   key          = "chat.tfstate"
  #   region       = "…"
  #   encrypt      = true
  #   use_lockfile = true
  # }
}

variable "region" {
  description = "Region of everything."
  type        = string
  default     = "eu-central-1"
}

variable "alarm_email" {
  description = "Who gets the alarms; AWS asks that address for confirmation."
  type        = string
}

variable "issuer_role_arns" {
  description = "Roles of the backends that sign tokens."
  type        = list(string)
  default     = []
}

provider "aws" {
  region = var.region
}

module "chat" {
  source = "../.."

  name      = "chat"
  chat_code = { zip = "${path.module}/../../../../../../target/lambda/chat/bootstrap.zip" }

  authorizer_enabled = true
  authorizer_code    = { zip = "${path.module}/../../../../../../target/lambda/chat-authorizer/bootstrap.zip" }

  key_source           = "external"
  key_ids              = ["key-1"]
  public_keys          = { "key-1" = file("${path.module}/key-1.pem") }
  external_secret_name = "chat/issuer"
  issuer_role_arns     = var.issuer_role_arns

  # The account's and region's own setting: false if another stack sets it, or if other APIs must keep their logs when
  # this module is destroyed.
  manage_logging_role = true

  alarm_actions = [aws_sns_topic.alarms.arn]
}

resource "aws_sns_topic" "alarms" {
  # checkov:skip=CKV_AWS_26:Alarm texts are no secret; CloudWatch could not publish to a topic under AWS's own key.
  name = "chat-alarms"
}

resource "aws_sns_topic_subscription" "alarms" {
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

output "websocket_url" {
  description = "Where clients connect."
  value       = module.chat.websocket_url
}

output "dashboard_url" {
  description = "The dashboard in the CloudWatch console."
  value       = module.chat.dashboard_url
}
