from django.shortcuts import get_object_or_404, render

from .models import Book


def books(request):
    return render(request, "library/books.html",
                  {"books": Book.objects.all()})


def book(request, id):
    return render(request, "library/book.html",
                  {"book": get_object_or_404(Book, id=id)})
