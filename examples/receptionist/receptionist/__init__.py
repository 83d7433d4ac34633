"""A WhatsApp receptionist for a practice: answers questions, books and cancels appointments.

FastAPI takes the gateway's webhooks, Redis keeps what must be shared between
workers, PostgreSQL keeps what must last, and a language model finds the words.
"""
