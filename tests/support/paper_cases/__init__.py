"""Invented papers, honest and altered, and photographs of them: cases for the eyes.

The reference is a PDF that typst sets and PDFium draws; the sheet before the camera is drawn by
typst's own renderer, printed, signed, altered and photographed by code of this package alone. What
is measured therefore never sees its own drawing. Seeds below ``REPORTING`` are for tuning, those
from it on for the figures that are published.
"""
