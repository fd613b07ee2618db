"""Simulated weeks of traffic, judged by the evaluation itself: what is told, how soon, and what falsely."""
